from .engine import Engine as Engine
from .shards import Shard as Shard
from .shards import deal as deal
