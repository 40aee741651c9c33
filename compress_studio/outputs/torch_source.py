"""The output torch.source: Python source and weights that need only torch."""

from __future__ import annotations

from compress_studio.outputs.torch_params import TorchParams, carries
from compress_studio.spec.output import OutputSpec

KERNELS = "compress_studio.outputs.kernels"

torch_source = OutputSpec(
    id="torch.source",
    title="PyTorch source and safetensors",
    suffixes=(".py",),
    summary="A Python module with the network as a class, and its weights as safetensors; needs only torch.",
    write=f"{KERNELS}.torch_files:write_module",
    verify=f"{KERNELS}.proofs:verify_module",
    params=TorchParams,
    carries=carries,
)
