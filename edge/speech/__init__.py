"""Sound in, readings out: hear a voice, describe it by frames, let the model listen, pool what it says."""
