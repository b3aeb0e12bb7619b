"""Ways to bring an envelope to a school, one file each behind one small interface (`way.Way`).

push            over HTTPS to the school's endpoint; its receipt is the answer
pull            stands ready at the region's desk; the school is told, and asks
sftp            on the school's SFTP server; receipts are fetched from there
folder          in a folder from which the school collects by hand
traffic_centre  through OSO's Traffic Centre, with a supplier's adapter

Which one is the school's own choice in the agreement (`receives`). A receipt is judged in one place, whatever way it
came (`judging`).
"""
