"""YAML in `config/` → typed objects, once, at the edge. `folder.load` reads all of it; a module reads each kind."""
