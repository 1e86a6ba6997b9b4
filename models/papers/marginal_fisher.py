"""Marginal Fisher analysis (Yan et al. 2007): directions in which neighbours of one class come close and classes part.

Unlike Fisher's discriminant it asks nothing of the shape of a class: only near neighbours count, of the same class
(intrinsic graph) and, at the margin, of others (penalty graph).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh
from scipy.spatial.distance import cdist

Reals = NDArray[np.float64]


def directions(values: Reals, classes: NDArray[np.int64], count: int, same: int = 5, other: int = 20) -> Reals:
    """(features, count), the best first. `same` and `other`: neighbours of either graph."""
    distances = cdist(values, values, "sqeuclidean")
    alike = classes[:, None] == classes[None]
    np.fill_diagonal(alike, False)
    apart = classes[:, None] != classes[None]
    within, between = (_graph(distances, mask, k) for mask, k in ((alike, same), (apart, other)))
    scatter, penalty = (values.T @ _laplacian(graph) @ values for graph in (within, between))
    ridge = 1e-3 * np.trace(scatter) / len(scatter) * np.eye(len(scatter))
    _, vectors = eigh(penalty, scatter + ridge)  # rising: the last parts the classes best
    found: Reals = vectors[:, ::-1][:, :count]
    return np.asarray(found / np.linalg.norm(found, axis=0))


def _graph(distances: Reals, allowed: NDArray[np.bool_], neighbours: int) -> Reals:
    """1 where either is among the nearest allowed ones of the other."""
    masked = np.where(allowed, distances, np.inf)
    nearest = np.argsort(masked, axis=1)[:, :neighbours]
    graph = np.zeros_like(distances)
    np.put_along_axis(graph, nearest, 1.0, axis=1)
    graph *= allowed
    return np.maximum(graph, graph.T)


def _laplacian(graph: Reals) -> Reals:
    return np.asarray(np.diag(graph.sum(1)) - graph)
