"""The processor is named with what matters for the results."""

from __future__ import annotations

from compress_studio.base.processor import Processor, processor, read_cpuinfo, sums_saturate


def test_the_processor_is_named_with_what_matters_for_integers() -> None:
    text = "model name\t: Some CPU @ 2 GHz\nflags\t\t: fpu avx2 avx512f avx512_vnni amx_int8\n"
    name, flags = read_cpuinfo(text)
    assert Processor(name, flags, 1).instruction_sets == ("avx2", "avx512", "vnni", "amx")
    assert name == "Some CPU @ 2 GHz"
    assert Processor("", read_cpuinfo("Features : fp asimd asimddp\n")[1], 1).instruction_sets == ("neon", "dotprod")


def test_this_processor_has_a_name_and_saturates_only_without_vnni() -> None:
    assert processor().name
    assert not (sums_saturate() and "vnni" in processor().instruction_sets)
