import json

import pytest

from limr.training.checkpoint_files import (
    Manifest,
    checkpoint_name,
    contents,
    damage,
    digest,
    kept,
    point,
    previous_whole,
    publish,
    read_manifest,
    remove_leftovers,
    unfinished,
)


def save(folder, step, *, sharded=False, content=b"weights"):
    """A published checkpoint: a file, or a folder with two files in it."""
    target = folder / checkpoint_name(step)
    part = unfinished(target)
    if sharded:
        (part / "deep").mkdir(parents=True)
        (part / "meta.pt").write_bytes(content)
        (part / "deep/rank-0").write_bytes(content)
    else:
        part.write_bytes(content)
    files = {name: digest(part / name) for name in contents(part)}
    publish(target, Manifest(step=step, module="a.B", run_id="r", files=files))
    return target


@pytest.mark.parametrize("sharded", [False, True])
def test_a_published_checkpoint_is_whole_and_known(tmp_path, sharded):
    target = save(tmp_path, 12, sharded=sharded)
    assert target.name == "step-00000012.ckpt"
    assert damage(target) is None
    assert sorted(p.name for p in tmp_path.iterdir()) == [target.name, f"{target.name}.json"]
    manifest = read_manifest(target)
    assert (manifest.step, manifest.module, manifest.run_id) == (12, "a.B", "r")
    assert [*manifest.files] == (["deep/rank-0", "meta.pt"] if sharded else ["."])


def test_the_digest_is_sha256(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")  # FIPS 180-2, appendix B.1
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert digest(tmp_path / "a") == expected


@pytest.mark.parametrize("sharded", [False, True])
def test_a_checkpoint_takes_the_place_of_one_of_the_same_step(tmp_path, sharded):
    save(tmp_path, 3, sharded=sharded, content=b"old")
    target = save(tmp_path, 3, sharded=sharded, content=b"new")
    assert damage(target) is None
    assert (target / "meta.pt" if sharded else target).read_bytes() == b"new"


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut(path):
    path.write_bytes(path.read_bytes()[:-1])


@pytest.mark.parametrize("harm", [flip, cut])
@pytest.mark.parametrize("sharded", [False, True])
def test_one_byte_is_missed(tmp_path, harm, sharded):
    target = save(tmp_path, 1, sharded=sharded)
    harm(target / "deep/rank-0" if sharded else target)
    assert "its content is not what was saved" in damage(target)


def test_a_missing_shard_and_a_missing_checkpoint_are_named(tmp_path):
    target = save(tmp_path, 1, sharded=True)
    (target / "meta.pt").unlink()
    assert damage(target) == "meta.pt is missing from it"
    assert damage(tmp_path / "none.ckpt") == "there is no such file"


@pytest.mark.parametrize("text", ["{", json.dumps({"step": 1}), "[]"])
def test_a_damaged_manifest_is_damage(tmp_path, text):
    target = save(tmp_path, 1)
    (tmp_path / f"{target.name}.json").write_text(text)
    assert "step-00000001.ckpt.json is damaged" in damage(target)


def test_a_link_names_the_checkpoint_and_its_manifest(tmp_path):
    save(tmp_path, 1)
    second = save(tmp_path, 2)
    link = tmp_path / "last.ckpt"
    for step in (1, 2):
        point(link, tmp_path / checkpoint_name(step))
        assert read_manifest(link).step == step
    flip(second)
    assert "its content is not what was saved" in damage(link)
    assert not [*tmp_path.glob("*.part")]


def test_the_one_before_that_is_whole_is_found(tmp_path):
    paths = [save(tmp_path, step) for step in (1, 2, 3, 4)]
    for path in paths[1:3]:
        flip(path)
    point(tmp_path / "last.ckpt", paths[2])
    assert previous_whole(tmp_path / "last.ckpt") == paths[0]
    assert previous_whole(paths[0]) is None


def test_leftovers_are_removed_and_nothing_else(tmp_path):
    whole = save(tmp_path, 1)
    unfinished(tmp_path / checkpoint_name(2)).write_bytes(b"half")
    (unfinished(tmp_path / checkpoint_name(3)) / "deep").mkdir(parents=True)
    (tmp_path / "step-00000004.ckpt.json").write_text("{}")  # killed before it got its name
    (tmp_path / "notes.json").write_text("{}")
    remove_leftovers(tmp_path)
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == ["notes.json", whole.name, f"{whole.name}.json"]
    assert kept(tmp_path) == {1: whole}
