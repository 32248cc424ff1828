"""RestComm and Mobicents USSD gateways: MAP dialogues as XML."""
