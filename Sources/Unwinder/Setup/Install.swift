import CUnwind
