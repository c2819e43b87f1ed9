"""Is less more? The paper's experiment at small scale, from base models to tables."""
