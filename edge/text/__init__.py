"""Words in, evidence out: normalise, cut into pieces, look up what each means, let the model read."""
