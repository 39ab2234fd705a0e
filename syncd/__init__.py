"""syncd: declarative, two-way data sync between ERPNext and everything else."""

__version__ = "0.1.0"
