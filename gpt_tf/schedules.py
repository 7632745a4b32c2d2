"""How the learning rate changes during training, as schedules of Keras."""

import keras

from gpt_tf import parts


@keras.saving.register_keras_serializable("gpt_tf")
class WarmupCosine(keras.optimizers.schedules.LearningRateSchedule):
    """`parts.warmup_cosine` as a schedule of Keras (GPT-1, section 4.1).

    Args:
        peak, warmup_steps, total_steps, final_fraction: as in `parts.warmup_cosine`.

    Example:
        >>> float(WarmupCosine(1e-3, 10, 100)(5))
        0.0005
    """

    def __init__(self, peak, warmup_steps, total_steps, final_fraction=0.0):
        self.settings = {
            "peak": peak,
            "warmup_steps": warmup_steps,
            "total_steps": total_steps,
            "final_fraction": final_fraction,
        }
        # Says now what is wrong with the settings, not in the first step.
        parts.warmup_cosine(0, **self.settings)

    def __call__(self, step):
        return parts.warmup_cosine(step, **self.settings)

    def get_config(self):
        return dict(self.settings)


@keras.saving.register_keras_serializable("gpt_tf")
class WarmupLinear(keras.optimizers.schedules.LearningRateSchedule):
    """A rate that rises in a line from 0, then falls in a line to 0 (GPT-1, section 4.1).

    Args:
        peak: float, highest rate.
        warmup_steps: int, steps until the peak; 0 starts there.
        total_steps: int, step at which the rate is 0 again.

    Example:
        >>> [float(WarmupLinear(1.0, 2, 6)(step)) for step in (0, 1, 2, 4, 6)]
        [0.0, 0.5, 1.0, 0.5, 0.0]
    """

    def __init__(self, peak, warmup_steps, total_steps):
        self.peak, self.warmup_steps, self.total_steps = peak, warmup_steps, total_steps

    def __call__(self, step):
        step = keras.ops.cast(step, "float32")
        falling = max(1, self.total_steps - self.warmup_steps)
        down = (self.total_steps - step) / falling
        up = step / self.warmup_steps if self.warmup_steps else 1.0
        return self.peak * keras.ops.clip(keras.ops.minimum(up, down), 0, 1)

    def get_config(self):
        return {
            "peak": self.peak,
            "warmup_steps": self.warmup_steps,
            "total_steps": self.total_steps,
        }
