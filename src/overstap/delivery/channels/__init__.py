"""Channels by which envelopes reach schools: one module each, behind the interface `channel.Channel`.

push            HTTPS request to the school's endpoint, which answers with a receipt
pull            kept at the region's desk; the school gets a notification, and asks for it
sftp            written to the school's SFTP server; receipts are read from it
folder          written to a folder from which the school collects by hand
traffic_centre  kept at the desk, notified through OSO's Traffic Centre by a supplier's adapter

The agreement states each school's channel (`receives`). Receipts of all channels are verified in one place
(`delivery.receipt_verification`).
"""
