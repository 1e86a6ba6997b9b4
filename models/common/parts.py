"""A TFLite file in two parts: what some inputs alone decide becomes a part of its own, which runs without the rest."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from copy import copy
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

_ALIGNED = 16  # bytes, which the format asks of the content of tensors


def separated(content: bytes, inputs: Collection[str], part: str) -> bytes:
    """The same file, in which what needs `inputs` (of its signature) alone is the signature `part`; same numbers."""
    model = schema.ModelT.InitFromPackedBuf(bytearray(content), 0)
    (graph,), (signature,) = model.subgraphs, model.signatureDefs
    known = {entry.tensorIndex for entry in signature.inputs if entry.name.decode() in inputs}
    made = {index for operation in graph.operators for index in operation.outputs}
    given = set(graph.inputs)
    mine, others = [], []
    for operation in graph.operators:
        needs = {index for index in operation.inputs if index in made | given}
        if needs <= known:
            known |= set(operation.outputs)
            mine.append(operation)
        else:
            others.append(operation)
    rest = (given | made) - known
    model.subgraphs = [_graph(graph, others, rest, graph.name), _graph(graph, mine, known, part.encode())]
    model.signatureDefs = [
        _signature(signature, _places(graph, others, rest), rest, signature.signatureKey, 0),
        _signature(signature, _places(graph, mine, known), known, part.encode(), 1),
    ]
    model.buffers = [_Buffer(buffer) for buffer in model.buffers]
    builder = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _places(graph: Any, operations: Iterable[Any], own: set[int]) -> dict[int, int]:
    """Where each tensor that these operations touch comes to lie, by where it lies in the whole graph."""
    touched = {int(index) for one in operations for index in (*one.inputs, *one.outputs) if index >= 0}
    return {index: place for place, index in enumerate(sorted(touched | (own & set(graph.inputs))))}


def _graph(graph: Any, operations: list[Any], own: set[int], name: bytes) -> Any:
    place = _places(graph, operations, own)
    found = copy(graph)
    found.name = name
    found.tensors = [graph.tensors[index] for index in place]
    found.inputs = np.array([place[index] for index in graph.inputs if index in own], np.int32)
    found.outputs = np.array([place[index] for index in graph.outputs if index in own], np.int32)
    found.operators = []
    for operation in operations:
        moved = copy(operation)
        moved.inputs = np.array([place.get(index, -1) for index in operation.inputs], np.int32)  # -1: none is given
        moved.outputs = np.array([place[index] for index in operation.outputs], np.int32)
        found.operators.append(moved)
    return found


def _signature(whole: Any, place: dict[int, int], own: set[int], key: bytes, number: int) -> Any:
    found = schema.SignatureDefT()
    found.signatureKey, found.subgraphIndex = key, number
    found.inputs = [_entry(one, place) for one in whole.inputs if one.tensorIndex in own]
    found.outputs = [_entry(one, place) for one in whole.outputs if one.tensorIndex in own]
    return found


def _entry(one: Any, place: dict[int, int]) -> Any:
    found = copy(one)
    found.tensorIndex = place[one.tensorIndex]
    return found


class _Buffer(schema.BufferT):  # type: ignore[misc]
    """Packs as the format asks; the generated code forgets the alignment."""

    def __init__(self, plain: Any) -> None:
        super().__init__()
        self.__dict__.update(plain.__dict__)

    def Pack(self, builder: Any) -> Any:  # noqa: N802 - the generated code's name
        if self.data is None or not len(self.data):
            return super().Pack(builder)
        content = np.asarray(self.data, np.uint8).tobytes()
        builder.StartVector(1, len(content), _ALIGNED)
        builder.head -= len(content)
        builder.Bytes[builder.head : builder.head + len(content)] = content
        vector = builder.EndVector()
        schema.BufferStart(builder)
        schema.BufferAddData(builder, vector)
        return schema.BufferEnd(builder)
