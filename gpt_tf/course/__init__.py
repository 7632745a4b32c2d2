"""What makes the package a course: start a lab, check an answer, build and grade notebooks."""

from gpt_tf.course.session import check, short, start

__all__ = ["check", "short", "start"]
