"""The stages of a build, in the order in which a document meets them."""
