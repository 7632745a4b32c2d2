"""Muon in fewer products: `GramMuon`."""

import functools

import keras
from keras import ops


class GramMuon(keras.optimizers.Muon):
    """Keras's Muon, whose steps of Newton and Schulz work on the smaller of two Gram matrices.

    Muon replaces a matrix of momenta M by one with the same directions and singular values near 1
    (K. Jordan and others, "Muon: An optimizer for hidden layers in neural networks", 2024). From
    X = M / |M|, each of its steps is X <- P X, where P = a I + b G + c G G and G = X X^T. All those
    P are polynomials of one G, so they can be exchanged, and the next G is P G P: the wide X is
    needed at the beginning and at the end only. For a feed-forward network's matrices, four times
    as wide as high, this is 25 products of the smaller size in place of 45.

    The arguments are those of `keras.optimizers.Muon`; so are the results, but for rounding.

    Example:
        >>> model.compile(GramMuon(learning_rate=1e-2, momentum=0.85), loss=loss)
    """

    def zeropower_via_newtonschulz5(self, x, steps):
        """Brings the singular values of a matrix near 1.

        Args:
            x: float tensor of shape (rows, columns).
            steps: int, how often.

        Returns:
            Float tensor of the same shape.
        """
        rows, columns = x.shape
        if rows > columns:
            return ops.transpose(self.zeropower_via_newtonschulz5(ops.transpose(x), steps))
        if 2 * rows > columns:
            return super().zeropower_via_newtonschulz5(x, steps)
        x = x / (ops.norm(x) + 1e-7)
        gram = x @ ops.transpose(x)
        factors = []
        for _ in range(steps):
            if factors:
                gram = factors[-1] @ gram @ factors[-1]
            factors.append(
                self.muon_a * ops.eye(rows) + self.muon_b * gram + self.muon_c * gram @ gram
            )
        return functools.reduce(ops.matmul, factors) @ x
