"""The output torch.script: TorchScript, for the C++ and mobile runtimes of PyTorch."""

from __future__ import annotations

from compress_studio.outputs.torch_params import TorchParams, carries
from compress_studio.spec.output import OutputSpec

KERNELS = "compress_studio.outputs.kernels"

torch_script = OutputSpec(
    id="torch.script",
    title="TorchScript",
    suffixes=(".pt", ".pth"),
    summary="A TorchScript module: opens with torch.jit.load and in C++ without Python.",
    write=f"{KERNELS}.torch_files:write_script",
    verify=f"{KERNELS}.proofs:verify_script",
    params=TorchParams,
    carries=carries,
)
