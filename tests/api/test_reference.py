"""The dictionary and the catalogue as pages, and templates as files."""

import io
import zipfile

import pytest

from geo.rules import national_rules
from geo.survey.layers import layers

pytestmark = pytest.mark.database


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_pages_show_every_layer_and_every_rule(client_of, lang):
    wang = client_of("wang")
    wang.cookies.set("minerisk_lang", lang)
    page = wang.get("/layers")
    assert page.status_code == 200
    for one in layers().values():
        assert getattr(one.label, lang) in page.text
        assert f"/api/v1/layers/{one.name}/template?kind=gpkg" in page.text
    page = wang.get("/rules")
    assert page.status_code == 200
    for rule in national_rules().rules:
        assert f'id="{rule.id}"' in page.text
    for text in (page.text, wang.get("/layers").text):
        assert ">None<" not in text


def test_a_stranger_sees_neither(client_of):
    stranger = client_of(None)
    assert stranger.get("/layers", follow_redirects=False).status_code != 200
    assert stranger.get("/api/v1/layers").status_code == 401


@pytest.mark.parametrize(("kind", "begins"), [("zip", b"PK"), ("gpkg", b"SQLite"), ("xlsx", b"PK")])
def test_templates_come_as_files(client_of, kind, begins):
    answer = client_of("wang").get("/api/v1/layers/fold/template", params={"kind": kind})
    assert answer.status_code == 200
    assert answer.content.startswith(begins)
    assert f"fold.{kind}" in answer.headers["content-disposition"]
    if kind == "zip":
        assert "fold.shp" in zipfile.ZipFile(io.BytesIO(answer.content)).namelist()
    assert client_of("wang").get("/api/v1/layers/nope/template").status_code == 404
