"""What a codec, a metric or a dataset is: the one import that the author of a plug-in needs.

Beside it a plug-in may use `benchmark.media` (ffmpeg, colour, faces), `benchmark.weights`
and `benchmark.util`.
Importing it imports neither torch nor any codec or metric.
"""

from ..util.errors import (
    BitstreamError,
    CodecError,
    DatasetError,
    InvalidClip,
    TalkbenchError,
    Unavailable,
    UsageError,
)
from .codec import Codec, CodecInfo, CodecModule
from .dataset import Dataset, DatasetInfo, DatasetModule, Item, PreparedClip
from .metric import Metric, MetricInfo, MetricModule, PairMetric, Score, SetMetric, SetScore
from .precision import full_precision, reproducibly
from .types import (
    Bitstream,
    Clip,
    ClipSpec,
    Modality,
    ParamValue,
    Part,
    Point,
    Stream,
    Timeline,
)

__all__ = [
    "Bitstream",
    "BitstreamError",
    "Clip",
    "ClipSpec",
    "Codec",
    "CodecError",
    "CodecInfo",
    "CodecModule",
    "Dataset",
    "DatasetError",
    "DatasetInfo",
    "DatasetModule",
    "InvalidClip",
    "Item",
    "Metric",
    "MetricInfo",
    "MetricModule",
    "Modality",
    "PairMetric",
    "ParamValue",
    "Part",
    "Point",
    "PreparedClip",
    "Score",
    "SetMetric",
    "SetScore",
    "Stream",
    "TalkbenchError",
    "Timeline",
    "Unavailable",
    "UsageError",
    "full_precision",
    "reproducibly",
]
