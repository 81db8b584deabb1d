"""The recall loop over web pages: seeds, a model, its scores, the sites they show, more seeds."""
