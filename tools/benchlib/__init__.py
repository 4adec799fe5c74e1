# SPDX-License-Identifier: BSD-3-Clause
"""What tools/bench is made of.

    machine     CPUs, hugepages, and a CPU kept awake
    programs    traffic, and the programs under test that get it
    figures     reports to figures: which windows count, medians, intervals
    compare     postern beside testpmd; with a policy beside none
    acceptance  all that has a target, run in one go
    rows        the targets, and what is met
    fill        full tables and pools
    chart       an SVG of cost against flows, or load
"""
