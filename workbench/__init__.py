"""Domain code that services share: kinds of tasks, their geometry, and the quality of what people answered.

No HTTP and no SQL. Of the appliance it imports markings, errors and contract alone, and nothing there imports it.
"""
