"""The lab of the judgement: rules and thresholds as data, tried on history and beside live before they count."""
