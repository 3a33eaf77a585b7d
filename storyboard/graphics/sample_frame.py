"""The sample picture that `storyboard init` puts into a new project."""


def sample_frame() -> bytes:
    """Return a PNG of 1280 x 720 pixels: hills at sunrise."""
    from io import BytesIO

    from PIL import Image, ImageDraw, ImageFilter

    size = (1280, 720)
    sky = Image.linear_gradient("L").resize(size)
    picture = Image.composite(Image.new("RGB", size, "#f2c596"), Image.new("RGB", size, "#5b7795"), sky)
    draw = ImageDraw.Draw(picture)
    draw.ellipse((560, 330, 700, 470), fill="#ffe9c4")
    draw.polygon([(0, 520), (300, 400), (620, 500), (900, 390), (1280, 500), (1280, 720), (0, 720)], fill="#4a5d5a")
    draw.polygon([(0, 620), (420, 520), (860, 600), (1280, 540), (1280, 720), (0, 720)], fill="#2f3f40")
    picture = picture.filter(ImageFilter.GaussianBlur(2))
    draw = ImageDraw.Draw(picture)
    for box in ((0, 0, 90, 720), (1190, 0, 1280, 720), (0, 0, 1280, 60), (0, 660, 1280, 720), (625, 0, 655, 720)):
        draw.rectangle(box, fill="#231f1c")
    file = BytesIO()
    picture.save(file, "PNG", optimize=True)
    return file.getvalue()
