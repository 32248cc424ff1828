"""Text as networks count it: alphabets, octet cost, folding, formats and paging. Pure, stdlib only."""
