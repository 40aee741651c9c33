"""The arithmetic of low-rank factorization: two thin matrices for a thick one, and how thin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from compress_studio.graph.statistics import Moments

DAMPING = 1e-4
"""Share of the weights' own second moment that is mixed into the one of the outputs, so that directions which the
calibration samples never used are ordered as the plain SVD orders them."""


@dataclass(frozen=True, slots=True)
class Spectrum:
    """What the outputs of a layer are made of: orthonormal directions and the energy along each, falling."""

    directions: np.ndarray
    """Columns, shape (out, out), float64."""
    energies: np.ndarray
    """≥ 0, shape (out,)."""


def output_spectrum(matrix: np.ndarray, moments: Moments, *, centred: bool) -> Spectrum:
    """Principal components of a layer's outputs (Zhang 2016).

    Args: matrix is the weight as (out, fan in); moments are those of the outputs; centred leaves the mean out, for
    layers whose bias can hold it.
    """
    if centred:
        second = moments.covariance
    else:
        second = moments.second / max(moments.count, 1)
    own = matrix @ matrix.T
    scale = float(np.trace(second)) / max(float(np.trace(own)), 1e-300)
    return _spectrum(second + DAMPING * scale * own if scale > 0 else own)


def weight_spectrum(matrix: np.ndarray) -> Spectrum:
    """Left singular vectors and squared singular values of a weight (Denton 2014)."""
    return _spectrum(matrix @ matrix.T)


def _spectrum(symmetric: np.ndarray) -> Spectrum:
    values, vectors = np.linalg.eigh((symmetric + symmetric.T) / 2)
    order = np.argsort(values)[::-1]
    return Spectrum(vectors[:, order], np.maximum(values[order], 0.0))


def factors(matrix: np.ndarray, spectrum: Spectrum, rank: int) -> tuple[np.ndarray, np.ndarray]:
    """(rank, fan in) and (out, rank) whose product is the matrix projected on the strongest directions."""
    basis = spectrum.directions[:, :rank]
    return basis.T @ matrix, basis


def corrected_bias(spectrum: Spectrum, rank: int, bias: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """The bias with which the mean of the outputs stays: P b + (I − P) ȳ."""
    basis = spectrum.directions[:, :rank]
    return basis @ (basis.T @ bias) + mean - basis @ (basis.T @ mean)


def spatial_factors(weight: np.ndarray, rank: int) -> tuple[np.ndarray, np.ndarray]:
    """A column of kernels (rank, in, height, 1) and a row (out, rank, 1, width) instead of (out, in, height, width).

    The best approximation in the Frobenius norm, by SVD of the weight as (in · height, out · width) (Jaderberg 2014).
    """
    out, into, height, width = weight.shape
    left, singular, right = np.linalg.svd(_spatial_matrix(weight), full_matrices=False)
    share = np.sqrt(singular[:rank])
    column = (left[:, :rank] * share).T.reshape(rank, into, height, 1)
    row = (right[:rank].T * share).reshape(out, width, rank).transpose(0, 2, 1)[:, :, None, :]
    return column, row


def spatial_energies(weight: np.ndarray) -> np.ndarray:
    """Squared singular values behind spatial_factors, falling."""
    return np.square(np.linalg.svd(_spatial_matrix(weight), compute_uv=False))


def _spatial_matrix(weight: np.ndarray) -> np.ndarray:
    out, into, height, width = weight.shape
    return weight.transpose(1, 2, 0, 3).reshape(into * height, out * width)
