"""Tailings ponds: grade, closure, and what the terrain says of who lies below.

The terrain's line, each step pure and each with its docstring:

``dem_reading.read_dem(paths, box, ...)`` → ``dem.Dem`` (heights in metres of a 3-degree zone) →
``dem.prepare(dem, waterways=)`` → ``dem.Terrain`` (conditioned, with its flow);
``capture.captures(dem, objects)`` → ``Captures`` (protected objects on its grid);
``headtop.judge(terrain, captures, toe)`` → ``Verdict``; ``zone.no_build(terrain, captures)`` and
``zone.strip(terrain, paths.cells, reach)`` → ``Zone``; ``siting.ask(proposal, ...)`` → answers.
A model too large for memory: ``model.model_of(paths, stated)`` → ``Model``, read by windows;
``large.zone_of_model(model, ground, out, work, spread)`` → its zone as a file, tile by tile.
Geometry goes in and comes out in CGCS2000 (EPSG:4490) unless a parameter says metres.
"""
