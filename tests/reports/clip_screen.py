"""What a browser shows of a clip's page."""

import io

from PIL import Image


def frames_shown(page):
    """Numbers of the frames that the panes show, all of which have a picture: once their sheets are there."""
    ready(page)
    return page.eval_on_selector_all(".pane canvas", "all => all.map((one) => one.dataset.frame)")


def seen(canvas, x=0.1, y=0.1):
    """The colour that the browser shows at a place of a canvas."""
    picture = Image.open(io.BytesIO(canvas.screenshot())).convert("RGB")
    return picture.getpixel((int(x * picture.width), int(y * picture.height)))


def in_panes(page, *places):
    """Of each pane the colours at these places of its canvas."""
    grid = page.locator(".panes")
    picture = Image.open(io.BytesIO(grid.screenshot())).convert("RGB")
    left, top = (grid.bounding_box()[key] for key in ("x", "y"))
    boxes = [canvas.bounding_box() for canvas in page.locator(".pane canvas").all()]
    return [
        [
            picture.getpixel((int(b["x"] - left + x * b["width"]), int(b["y"] - top + y * b["height"])))
            for x, y in places
        ]
        for b in boxes
    ]


def near(one, other, off=3):
    return all(abs(a - b) <= off for a, b in zip(one, other, strict=True))


def ready(page, count=None):
    """Wait until all panes with a picture show one."""
    page.wait_for_function(
        "count => { const all = [...document.querySelectorAll('.pane canvas')];"
        " return all.filter((one) => one.dataset.frame !== undefined).length === (count ?? all.length); }",
        arg=count,
    )


def at_rest(page):
    """The clock's readout once nothing plays."""
    page.wait_for_function("document.querySelector('[data-do=play]').textContent === 'Play'")
    return page.inner_text(".clock")
