"""What a driver imports before it can begin; the fork server of `forks` imports it once."""

import os

os.environ["KERAS_BACKEND"] = "jax"

import harness.cli
import harness.driver
import harness.engines.local
import harness.plan
import harness.report.attention
import harness.report.confusion
import harness.report.exhibits
import harness.report.forecasts
import harness.report.html
import harness.report.interactive
import harness.report.lengths
import harness.report.outcomes
import harness.report.page
import harness.report.profiles
import harness.report.rank_figures
import harness.report.searching
import harness.report.starts
import harness.report.tables
import harness.status  # noqa: F401
