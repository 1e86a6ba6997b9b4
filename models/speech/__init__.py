"""Speech emotion: the recipe. What ships is speech.tflite and manifest.json beside it."""
