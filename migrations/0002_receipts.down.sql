DROP TABLE dlr.delivery_receipts;
