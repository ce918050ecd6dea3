DROP TABLE dlr.rejected_receipts;
