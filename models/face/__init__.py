"""The recipe of the face model: data, augmentation, network, training, conversion, evaluation."""
