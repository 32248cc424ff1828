"""Africa's Talking and its relatives: form POST in, `CON text` or `END text` out."""
