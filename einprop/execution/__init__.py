"""From a flat program to a schedule: order, axis layout, buffers; no array library in sight."""
