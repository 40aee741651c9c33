"""The output torch.program: what torch.export makes."""

from __future__ import annotations

from compress_studio.outputs.torch_params import TorchParams, carries
from compress_studio.spec.output import OutputSpec

KERNELS = "compress_studio.outputs.kernels"

torch_program = OutputSpec(
    id="torch.program",
    title="PyTorch program",
    suffixes=(".pt2",),
    summary="A torch.export program: opens in PyTorch 2, for torch.compile, ExecuTorch and AOTInductor.",
    write=f"{KERNELS}.torch_files:write_program",
    verify=f"{KERNELS}.proofs:verify_program",
    params=TorchParams,
    carries=carries,
)
