SELECT settle_seat('S' || nextval('payment'));
