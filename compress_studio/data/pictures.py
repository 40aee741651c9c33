"""Pictures, from files or arrays, made as large and as colourful as the network wants."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from compress_studio.base.errors import BadInput
from compress_studio.data.facts import TensorFact

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

    from compress_studio.data.options import InputOptions
    from compress_studio.data.rows import ArrayRows

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".webp", ".gif", ".tif", ".tiff", ".ppm", ".pgm"})
"""Of files with several pictures, such as animations, the first one counts."""
FEWEST_PIXELS = 64
"""Numbers in an input from which it can be a picture without axes."""
DEFAULT_SIDE = 224


@dataclass(frozen=True, slots=True)
class PictureForm:
    """What a network wants of a picture."""

    height: int
    width: int
    color: str
    """rgb, bgr or grey."""
    flat: bool
    """True: (height, width) without a channel axis."""
    resize: int | None
    crop: bool
    guess: str = ""

    @property
    def shape(self) -> tuple[int, ...]:
        channels = 1 if self.color == "grey" else 3
        return (self.height, self.width) if self.flat else (self.height, self.width, channels)

    def convert(self, image: Image.Image) -> np.ndarray:
        """One picture as unsigned bytes of this form."""
        import numpy as np
        from PIL import Image, ImageOps

        image = ImageOps.exif_transpose(image)
        if image.mode.startswith("I;16"):
            image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
        elif image.mode in {"I", "F"}:
            raise ValueError("its pixels are 32-bit numbers, whose range is not known; save it with 8 or 16 bits")
        image = image.convert("L" if self.color == "grey" else "RGB")
        if image.size != (self.width, self.height):
            image = self._sized(image)
        values = np.asarray(image)
        if self.color == "bgr":
            values = values[:, :, ::-1]
        return values.reshape(self.shape)

    def _sized(self, image: Image.Image) -> Image.Image:
        from PIL import Image

        how = Image.Resampling.BILINEAR
        if not self.crop:
            return image.resize((self.width, self.height), how)
        factor = max(self.height / image.height, self.width / image.width)
        if self.resize is not None:
            factor = max(factor, self.resize / min(image.size))
        scaled = (max(self.width, round(image.width * factor)), max(self.height, round(image.height * factor)))
        image = image.resize(scaled, how)
        left, top = (image.width - self.width) // 2, (image.height - self.height) // 2
        return image.crop((left, top, left + self.width, top + self.height))


@dataclass(frozen=True, slots=True)
class PictureRows:
    """Rows that are decoded and converted when they are asked for."""

    files: tuple[Path, ...]
    array: np.ndarray | None
    form: PictureForm
    picture: bool = True

    @classmethod
    def of_array(cls, rows: ArrayRows, fact: TensorFact, options: InputOptions) -> PictureRows:
        """Pictures that are rows of an 8-bit array. Raises BadInput when they are of another type or shape."""
        if rows.dtype.name != "uint8" or len(rows.shape) not in {2, 3}:
            raise BadInput(
                f"image = true for input {fact.name} needs 8-bit pictures (height, width, channels), "
                f"the array has the type {rows.dtype.name} and the shape {rows.shape} per sample.",
                "Leave image out and give the array in the shape of the input.",
            )
        return cls((), rows.array, form_for(fact, options, rows.shape))

    @property
    def shape(self) -> tuple[int, ...]:
        return self.form.shape

    @property
    def dtype(self) -> np.dtype:
        import numpy as np

        return np.dtype(np.uint8)

    def __len__(self) -> int:
        return len(self.files) if self.array is None else len(self.array)

    def take(self, index: np.ndarray) -> np.ndarray:
        import numpy as np

        return np.stack([self._one(int(number)) for number in index])

    def _one(self, number: int) -> np.ndarray:
        import numpy as np
        from PIL import Image

        if self.array is None:
            return read_picture(self.files[number], self.form)
        values = np.asarray(self.array[number])
        if values.ndim == 3 and values.shape[0] in {1, 3, 4} and values.shape[2] not in {1, 3, 4}:
            values = np.moveaxis(values, 0, -1)
        if values.ndim == 3 and values.shape[2] == 1:
            values = values[:, :, 0]
        return self.form.convert(Image.fromarray(np.ascontiguousarray(values)))


def read_picture(path: Path, form: PictureForm) -> np.ndarray:
    """Decode one file. Raises BadInput naming it when it is broken or absurdly large."""
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                return form.convert(image)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise BadInput(f"The picture {path} cannot be read: {error}", "Replace or remove it.") from error


def form_for(fact: TensorFact, options: InputOptions, sample: tuple[int, ...] = ()) -> PictureForm:
    """What an input wants of pictures: from its shape, with what is declared before it.

    Raises BadInput when the input cannot take pictures.
    """
    want = None if fact.dims is None else fact.dims[1:]
    channels, height, width, flat = _reading(want, fact)
    color = options.color or ("grey" if channels == 1 or flat else "rgb")
    if channels in {1, 3} and (color == "grey") != (channels == 1):
        raise BadInput(
            f"Input {fact.name} wants {channels} channels, the declared colour is {color}.", "Correct color."
        )
    guess = ""
    if options.size is not None:
        height, width = options.size
    if height is None or width is None:
        height, width = height or DEFAULT_SIDE, width or DEFAULT_SIDE
        guess = f"The network leaves the size of pictures free; {height} × {width} is used: declare size in data.toml."
    return PictureForm(height, width, color, flat, options.resize, options.crop, guess)


def _reading(want: tuple[int | None, ...] | None, fact: TensorFact) -> tuple[int | None, int | None, int | None, bool]:
    """(channels, height, width, whether there is no channel axis)."""
    if want is None:
        return None, None, None, False
    if len(want) == 3:
        if want[2] in {1, 3} and want[0] not in {1, 3}:
            return want[2], want[0], want[1], False
        if want[0] in {1, 3, None}:
            return want[0], want[1], want[2], False
    if len(want) == 2:
        return 1, want[0], want[1], True
    if len(want) == 1 and want[0] is not None and want[0] >= FEWEST_PIXELS and round(want[0] ** 0.5) ** 2 == want[0]:
        side = round(want[0] ** 0.5)
        return 1, side, side, True
    raise BadInput(
        f"Input {fact.name} wants {fact.shape_text}, which pictures cannot fill.",
        "Give the samples as arrays (.npz) instead.",
    )
