"""GSUP: an external USSD entity (EUSE) beside Osmocom's HLR, over IPA and TCP."""
