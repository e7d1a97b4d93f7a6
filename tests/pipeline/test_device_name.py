from pathlib import Path

from worker.device_name import cpu_name, device_name


def test_a_processor_has_the_name_that_the_system_gives_it(tmp_path: Path) -> None:
    info = tmp_path / "cpuinfo"
    info.write_text("processor\t: 0\nmodel name\t: Some CPU @ 2.00GHz\nflags\t: fpu\n")
    assert cpu_name(info) == "Some CPU @ 2.00GHz"


def test_a_system_without_that_file_still_names_its_processor(tmp_path: Path) -> None:
    assert cpu_name(tmp_path / "not-there")


def test_the_name_of_a_cpu_says_which_instructions_are_used() -> None:
    assert device_name("cpu").endswith(")")
