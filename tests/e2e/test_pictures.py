"""Pictures spoilt by Pillow and read again: by zbar, which isn't ours, and by phictl, which finds the trace mark."""
import itertools
import json
import os
import random
import subprocess
import time

import pytest
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from phi_client.suite import ROOT

CODE = ("AARACDTHM5QWYZLMMVZGK3TUEBSXQYLNOBWGKIDPMYQGCIDDN5SGKIDUMV4HIIDGN5ZG2IDXNF2GQIDUO5XSA2DVNZSHEZLEEBQW4ZBAMZUWM5DZ"
        "EBZWS6BANRSXI5DFOJZSAYLOMQQGI2LHNF2HGIDPMYQGEYLTMUZTEIDBNZSCA3TPOQQG63TFEBWW64TFEB2GQYLOEB2GQYLUFYQFI2DFEBSW4ZBA"
        "N5TCA2LUEBUXGIDOMVQXEIDON53SAMJS")
KINDS = ("neutral", "green", "yellow", "red", "review", "grey", "paper")
PLATFORMS = ("320000", "000000", "999999", "110000", "650000", "810000", "440300")
FIRST, LAST = 1577836800, 1577836800 + 16777215 * 60 + 59
TIMES = (FIRST, FIRST + 59, FIRST + 60, LAST, 1795248495, 1795248495 + 61, 2000000000)
RESAMPLINGS = tuple(Image.Resampling[name] for name in ("NEAREST", "BILINEAR", "BICUBIC", "LANCZOS", "BOX", "HAMMING"))
MARKED, UNMARKED = 210, 42


class Desk:
    """The two programs, a mark key, and a folder."""

    def __init__(self, programs, folder):
        self.phictl = os.path.join(programs, "phictl")
        self.draw_pictures = os.path.join(os.path.dirname(programs), "tools", "draw-pictures")
        self.folder = folder
        self.password = folder / "password"
        self.password.touch(mode=0o600)
        self.password.write_text("only for these tests\n", encoding="ascii")
        self.key, self.other_key = self.make_key("mark.key"), self.make_key("other.key")

    def make_key(self, name):
        path = self.folder / name
        subprocess.run([self.phictl, "key", "new", "--use", "mark", "--secret", "32", "--out", path, "--password-file",
                        self.password], check=True, timeout=60, capture_output=True)
        return path

    def draw(self, name, plan):
        folder = self.folder / name
        folder.mkdir()
        subprocess.run([self.draw_pictures, folder, self.key, self.password], input="\n".join(plan), text=True, check=True,
                       timeout=120)
        return folder

    def trace(self, target, key=None, apps=()):
        """What phictl says of each file: a dict of its lines, empty where it found no mark."""
        command = [self.phictl, "code", "trace", "--key", key or self.key, "--password-file", self.password, target]
        command += itertools.chain.from_iterable(("--app", app) for app in apps)
        done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
        found, said = {}, {}
        for line in done.stdout.splitlines():
            name, value = line.split("=", 1)
            if name == "file":
                said = found.setdefault(value, {})
            else:
                said[name] = value
        return found if found else said


@pytest.fixture(scope="module")
def desk(programs, tmp_path_factory):
    return Desk(programs, tmp_path_factory.mktemp("pictures"))


def zbar(paths):
    """The texts that zbarimg reads, in the order of the files; it tells nothing of those that it can't read."""
    done = subprocess.run(["zbarimg", "--quiet", "--raw", "--nodbus", *paths], capture_output=True, text=True, timeout=240,
                          check=False)
    return done.stdout.split()


def unread(paths):
    if zbar(paths) == [CODE] * len(paths):
        return []
    return [path.name for path in paths if zbar([path]) != [CODE]]


def spoil(picture, number):
    """Re-encoded at quality 75, scaled to 75 %, and both in either order, by turns and in each resampling."""
    way = number % 4
    size = (round(picture.width * 0.75), round(picture.height * 0.75))
    resampling = RESAMPLINGS[number // 4 % len(RESAMPLINGS)]
    if way == 0:
        return picture, "jpg"
    if way == 1:
        return picture.resize(size, resampling), "png"
    if way == 2:
        return picture.resize(size, resampling), "jpg"
    return picture, "both"


def save(picture, form, path, number):
    if form == "png":
        picture.save(path.with_suffix(".png"))
        return path.with_suffix(".png")
    picture.save(path.with_suffix(".jpg"), quality=75)
    if form == "both":
        with Image.open(path.with_suffix(".jpg")) as again:
            size = (round(again.width * 0.75), round(again.height * 0.75))
            again.resize(size, RESAMPLINGS[number // 4 % len(RESAMPLINGS)]).save(path.with_suffix(".png"))
        path.with_suffix(".jpg").unlink()
        return path.with_suffix(".png")
    return path.with_suffix(".jpg")


def spoil_all(source, target):
    target.mkdir()
    for number, name in enumerate(sorted(os.listdir(source))):
        with Image.open(source / name) as picture:
            spoilt, form = spoil(picture.convert("RGB"), number)
            save(spoilt, form, target / name.split(".")[0], number)
    return target


def app_of(number):
    return ("citizen-app", "hospital-7", "x" * 64, f"app-{number}")[number % 4]


def line_of(number, with_mark=True):
    kind = KINDS[number % len(KINDS)]
    symbology = ("qr", "qr", "gm", "hx")[number // len(KINDS) % 4]
    mark = f"{PLATFORMS[number % 7]} {app_of(number)} {TIMES[number // 7 % 7]}" if with_mark else "- - 0"
    return f"{number:03}.png {kind} {symbology} png 8 {mark}"


@pytest.fixture(scope="module")
def traced(desk):
    """Every spoilt picture with what was found in it."""
    source = desk.draw("marked", [line_of(number) for number in range(MARKED)])
    spoilt = spoil_all(source, desk.folder / "spoilt")
    return spoilt, desk.trace(spoilt)


def minute(found):
    return found["minute"][:16]


def test_every_mark_survives_quality_75_and_three_quarters_of_the_size(traced):
    _folder, found = traced
    assert len(found) == MARKED
    wrong = []
    for name, said in found.items():
        number = int(name.split(".")[0])
        expected = time.strftime("%Y-%m-%dT%H:%M", time.gmtime(TIMES[number // 7 % 7] + 8 * 3600))
        if not said or said["platform"] != PLATFORMS[number % 7] or minute(said) != expected:
            wrong.append((line_of(number), said))
    assert not wrong, f"{len(wrong)} of {MARKED}: {wrong[:5]}"
    squares = sum(int(said["squares"]) for said in found.values())
    errors = sum(int(said["wrong"]) for said in found.values())
    print(f"{MARKED} of {MARKED} marks read; {errors / squares:.2%} of {squares} squares turned round by the spoiling")
    assert errors / squares < 0.04


def test_the_app_is_named_by_its_digest(desk, traced):
    folder, found = traced
    name = next(name for name in found if name.startswith("000."))
    assert desk.trace(folder / name, apps=("hospital-7", "citizen-app"))["app"] == "citizen-app"
    assert "app" not in desk.trace(folder / name, apps=("hospital-7",))


def test_another_key_reads_nothing(desk, traced):
    folder, _found = traced
    found = desk.trace(folder, key=desk.other_key)
    assert len(found) == MARKED and not any(found.values())


def test_nothing_is_read_where_there_is_no_mark(desk):
    source = desk.draw("unmarked", [line_of(number, with_mark=False) for number in range(UNMARKED)])
    for folder in (source, spoil_all(source, desk.folder / "unmarked-spoilt")):
        found = desk.trace(folder)
        assert len(found) == UNMARKED and not any(found.values())


def test_what_is_no_picture_is_refused(desk):
    path = desk.folder / "no-picture"
    path.write_bytes(b"GIF89a")
    assert desk.trace(path) == {}


# What a phone's camera and a worn screen do to a symbol.
SCALES = (3, 5, 8, 12)
TURNS = (90, 180, 270, 4)


def symbol_box(kind, scale):
    """Corner and side of the QR symbol in pixels: 69 modules and four of quiet zone, as docs/pictures.md has it."""
    panel = 77 * scale
    margin = round(panel * 0.05)
    heading = round(panel * (0.195 if kind == "neutral" else 0.29))
    return 2 * margin + 4 * scale, heading + margin + 4 * scale, 69 * scale


def damaged(picture, kind, scale, seed):
    """A tenth of the symbol covered, by one square of 5 % and five blots of 1 %, all outside the three corners."""
    dice = random.Random(seed)
    left, top, side = symbol_box(kind, scale)
    draw = ImageDraw.Draw(picture)

    def cover(share, shade):
        size = side * share ** 0.5
        while True:
            x, y = dice.uniform(0, side - size), dice.uniform(0, side - size)
            corner = 9 * scale
            low_x, low_y = x < corner, y < corner
            high_x, high_y = x + size > side - corner, y + size > side - corner
            if not (low_x and low_y or high_x and low_y or low_x and high_y):
                break
        draw.rectangle((left + x, top + y, left + x + size, top + y + size), fill=shade)

    cover(0.05, (128, 128, 128))
    for _blot in range(5):
        cover(0.01, dice.choice(((0, 0, 0), (255, 255, 255), (128, 128, 128))))
    return picture


@pytest.fixture(scope="module")
def symbols(desk):
    plan = [f"{kind}-{scale}.png {kind} qr png {scale} 320000 citizen-app 1795248495"
            for kind in KINDS[:-1] for scale in SCALES]
    return desk.draw("symbols", plan)


def each(symbols):
    for kind in KINDS[:-1]:
        for scale in SCALES:
            with Image.open(symbols / f"{kind}-{scale}.png") as picture:
                yield kind, scale, picture.convert("RGB")


def test_zbar_reads_every_size(symbols):
    assert unread(sorted(symbols.iterdir())) == []


def test_zbar_reads_every_turn(symbols, tmp_path):
    for kind, scale, picture in each(symbols):
        for turn in TURNS if scale in (3, 8) else TURNS[-1:]:
            turned = picture.rotate(turn, expand=True, resample=Image.Resampling.BICUBIC, fillcolor=(240, 240, 240))
            turned.convert("L").save(tmp_path / f"{kind}-{scale}-{turn}.png", compress_level=1)
    assert unread(sorted(tmp_path.iterdir())) == []


def test_zbar_reads_through_blur(symbols, tmp_path):
    for kind, scale, picture in each(symbols):
        blurred = picture.filter(ImageFilter.GaussianBlur(scale * 0.4))
        blurred.convert("L").save(tmp_path / f"{kind}-{scale}.png", compress_level=1)
    assert unread(sorted(tmp_path.iterdir())) == []


def test_zbar_reads_with_a_tenth_damaged(symbols, tmp_path):
    for kind, scale, picture in each(symbols):
        damaged(picture, kind, scale, f"{kind}{scale}").convert("L").save(tmp_path / f"{kind}-{scale}.png", compress_level=1)
    assert unread(sorted(tmp_path.iterdir())) == []


@pytest.mark.parametrize("symbology", ("qr", "gm", "hx"))
def test_the_logo_covers_under_a_tenth(desk, symbology):
    """Measured: the box around every pixel of the symbol that isn't as its module says."""
    with open(os.path.join(ROOT, "tests", "vectors", "symbols", f"{symbology}-code.json"), encoding="utf-8") as file:
        vector = json.load(file)
    assert vector["text"] == CODE
    folder = desk.draw(f"logo-{symbology}", [f"a.png red {symbology} png 8 - - 0"])
    size, quiet = vector["size"], {"qr": 4, "gm": 6, "hx": 3}[symbology]
    panel = (size + 2 * quiet) * 8
    margin, heading = round(panel * 0.05), round(panel * 0.29)
    left, top = 2 * margin + quiet * 8, heading + margin + quiet * 8
    bare = Image.new("L", (size, size), 255)
    for y, row in enumerate(vector["rows"]):
        bits = f"{int(row, 16):0{4 * len(row)}b}"
        for x in range(size):
            bare.putpixel((x, y), 0 if bits[x] == "1" else 255)
    bare = bare.resize((size * 8, size * 8), Image.Resampling.NEAREST)
    with Image.open(folder / "a.png") as picture:
        symbol = picture.convert("L").crop((left, top, left + size * 8, top + size * 8))
    box = ImageChops.difference(symbol, bare).getbbox()
    share = (box[2] - box[0]) * (box[3] - box[1]) / (size * 8) ** 2
    assert 0.01 < share < 0.10, box
    assert abs(box[0] + box[2] - size * 8) <= 16 and abs(box[1] + box[3] - size * 8) <= 16, "not in the middle"


@pytest.mark.parametrize("dpi", (100, 200))
def test_the_paper_certificate_is_scanned_and_traced(desk, dpi):
    folder = desk.draw(f"paper-{dpi}", ["a.pdf paper qr pdf 8 320000 citizen-app 1795248495"])
    subprocess.run(["pdftoppm", "-r", str(dpi), "-png", "-singlefile", folder / "a.pdf", folder / "page"], check=True, timeout=60)
    with Image.open(folder / "page.png") as page:
        assert abs(page.height / page.width - 297 / 210) < 0.005, "not of the form of A4"
    assert zbar([folder / "page.png"]) == [CODE]
    found = desk.trace(folder / "page.png", apps=("citizen-app",))
    assert (found["platform"], found["app"]) == ("320000", "citizen-app")


def test_a_pdf_tells_readers_what_it_is(desk):
    folder = desk.draw("words", ["a.pdf paper qr pdf 8 - - 0", "b.pdf red qr pdf 8 - - 0"])
    said = [subprocess.run(["pdfinfo", folder / name], capture_output=True, text=True, timeout=30, check=True).stdout
            for name in ("a.pdf", "b.pdf")]
    assert "个人健康信息码纸质凭证" in said[0] and "高风险" in said[1]
    assert "不含健康信息" in said[0] and "3201**********1234" in said[1] and all("Subject:" in text for text in said)
