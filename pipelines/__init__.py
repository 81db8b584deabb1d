"""Order, disks, workers: the stage engine, recipes, builds, audits and the command line."""
