"""Pictures of graphs: what is written in each box, where the boxes and lines go, and the files."""
