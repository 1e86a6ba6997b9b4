"""The text model: what the words of a sentence say, in five languages."""
