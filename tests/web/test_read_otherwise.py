"""What a person says of a file, or of one of its layers, and how it is taken back."""

from typing import Any

from geo.survey.reading import ReadOptions
from web.view import mapped, options, read_otherwise

READ = ReadOptions(crs=4526, encoding="GB18030", corrects=None, error_m=3.0)


def said(crs: str = "", encoding: str = "") -> ReadOptions:
    return options(crs, encoding, "", "")


def test_what_is_left_empty_is_found_out_from_the_file_again() -> None:
    again = read_otherwise(READ, said(encoding="UTF-8"), "")
    assert (again.crs, again.encoding, again.error_m) == (None, "UTF-8", 3.0)


def test_one_layer_is_read_in_another_system_and_the_others_as_they_were() -> None:
    one = read_otherwise(READ, said("4525"), "采空区")
    assert (one.chosen_crs("采空区"), one.chosen_crs("断层")) == (4525, 4526)
    assert one.encoding == "GB18030"
    # As the file says: of that layer alone.
    undone = read_otherwise(one, said(), "采空区")
    assert (undone.chosen_crs("采空区"), undone.chosen_crs("断层")) == (None, 4526)
    same = read_otherwise(undone, said("4526"), "采空区")
    assert same.crs_of == {}
    # Another system said for all goes for all.
    assert read_otherwise(one, said("4527", "GB18030"), "").chosen_crs("采空区") == 4527
    assert read_otherwise(one, said("4526", "UTF-8"), "").chosen_crs("采空区") == 4525


def test_one_layer_is_read_in_another_encoding_and_its_system_stays() -> None:
    one = read_otherwise(
        read_otherwise(READ, said("4525"), "采空区"), said("", "UTF-8"), "采空区", "encoding"
    )
    assert (one.encoding_of, one.encoding) == ({"采空区": "UTF-8"}, "GB18030")
    assert one.chosen_crs("采空区") == 4525
    assert read_otherwise(one, said(), "采空区", "encoding").encoding_of == {"采空区": None}
    # Another said for all goes for all.
    assert read_otherwise(one, said("4526", "BIG5"), "").encoding_of == {}
    assert read_otherwise(one, said("4526", "GB18030"), "").encoding_of == {"采空区": "UTF-8"}


def test_columns_of_one_layer_are_named_and_those_of_another_left() -> None:
    part: dict[str, Any] = {"source_name": "采空区", "layer": "goaf", "mapping": {"BH": "code"}}
    made = mapped(READ, part, "goaf", {"BH": "name", "SD": ""})
    assert made.mapped_by_hand("采空区") == {"BH": "name"}
    assert made.mapped_by_hand("断层") == {}
    assert ReadOptions.model_validate(made.model_dump(mode="json")) == made
