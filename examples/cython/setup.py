"""Build the example: python setup.py build_ext --inplace."""

import numpy as np
from Cython.Build import cythonize
from setuptools import Extension, setup

import fitcore

extension = Extension(
    "decay", ["decay.pyx"], include_dirs=[fitcore.get_include(), np.get_include()]
)
setup(name="decay", ext_modules=cythonize([extension]))
