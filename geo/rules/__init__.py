"""Rule catalogue: YAML data with the clause of each rule, and the reader that checks it."""
