"""The chain of the test (Doorstroomtoetsketen): registration at its supplier, and results that the supplier sends."""
