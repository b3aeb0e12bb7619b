"""What pages share, whoever they are for: frame and look (`frame`), and what keeps them safe (`guard`, `bounds`)."""
