"""Tests of the embedded ARM."""
