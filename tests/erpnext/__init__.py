"""Tests of the ERPNext endpoint."""
