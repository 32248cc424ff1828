"""TruRoute XML: Truteq, Telecel, sms.com.na."""
